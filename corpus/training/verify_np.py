import numpy as np
from verify import store, inputs
def path(code, frame, ref_frames, query_frames):
    """Reference frames (20 ms) that the alignment covers, and the 10 ms query frame of each."""
    t=np.arange(2*code[0],min(2*code[-1]+20,ref_frames))
    j=np.clip(np.round((2*t-19.5)/4).astype(int),code[0],code[-1])-code[0]
    p=2*t+frame[j]-4*code[j]
    ok=(p>=0)&(p<query_frames-1)
    return t[ok],p[ok]
def conv(x,w):
    kt,kb=w.shape[:2]
    x=np.pad(x,((kt//2,kt//2),(kb//2,kb//2),(0,0)))
    T,B=x.shape[0]-kt+1,x.shape[1]-kb+1
    y=np.zeros((T*B,w.shape[3]),np.float32)
    for i in range(kt):
        for j in range(kb):
            y+=np.ascontiguousarray(x[i:i+T,j:j+B]).reshape(T*B,-1)@w[i,j]
    return y.reshape(T,B,-1)
def llr(p,R,Q):
    x=inputs(R[None],Q[None])[0]
    h=np.maximum(conv(x,p['w1'])+p['b1'],0)
    h=np.maximum(conv(h,p['w2'])+p['b2'],0)
    z=h@p['w3']+p['b3']
    return z.mean(1), x[...,2:4].mean(1)
def export(npz,out):
    import struct,zlib
    p=dict(np.load(npz)); h1,h2=len(p['b1']),len(p['b2'])
    body=struct.pack('<4sHHHH',b'CPVF',1,h1,h2,0)+b''.join(np.ascontiguousarray(p[k],'<f4').tobytes() for k in('w1','b1','w2','b2','w3','b3'))
    open(out,'wb').write(body+struct.pack('<I',zlib.crc32(body)))
if __name__=='__main__':
    import sys; export(sys.argv[1],sys.argv[2])
